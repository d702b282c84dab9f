package convert

// Q5_1 has a scale and a minimum for 32 codes of 5 bits.
var Q5_1 = register(Recipe{
	Name: "Q5_1", FileType: 9, Type: "Q5_1",
	Lines: lines(),
})
