package convert

// Q4_K_S is Q4_K with a few early layers at 5 bits.
var Q4_K_S = register(Recipe{
	Name: "Q4_K_S", FileType: 14, Type: "Q4_K",
	Lines: lines(
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{V, []Cond{firstFour}, "Q5_K"},
		Line{Down, []Cond{notFalcon, eighth}, "Q5_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
