package convert

// Q4_0 has one scale for 32 codes of 4 bits.
var Q4_0 = register(Recipe{
	Name: "Q4_0", FileType: 2, Type: "Q4_0",
	Lines: lines(Line{Down, []Cond{weighed, eighth}, "Q4_1"}),
})
