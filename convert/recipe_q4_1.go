package convert

// Q4_1 has a scale and a minimum for 32 codes of 4 bits.
var Q4_1 = register(Recipe{
	Name: "Q4_1", FileType: 3, Type: "Q4_1",
	Lines: lines(),
})
