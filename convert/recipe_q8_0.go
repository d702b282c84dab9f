package convert

// Q8_0 has one scale for 32 codes of 8 bits, everywhere: its head is no better than its body.
var Q8_0 = register(Recipe{
	Name: "Q8_0", FileType: 7, Type: "Q8_0",
})
