package convert

// Q5_0 has one scale for 32 codes of 5 bits.
var Q5_0 = register(Recipe{
	Name: "Q5_0", FileType: 8, Type: "Q5_0",
	Lines: lines(Line{Down, []Cond{weighed, eighth}, "Q5_1"}),
})
