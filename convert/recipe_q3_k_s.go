package convert

// Q3_K_S is Q3_K nearly everywhere.
var Q3_K_S = register(Recipe{
	Name: "Q3_K_S", FileType: 11, Type: "Q3_K",
	Lines: lines(
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
