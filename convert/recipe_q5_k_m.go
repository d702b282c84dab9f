package convert

// Q5_K_M has half of the values and of the down projections at 6 bits, the rest at 5.
var Q5_K_M = register(Recipe{
	Name: "Q5_K_M", Alias: "Q5_K", FileType: 17, Type: "Q5_K",
	Lines: lines(
		Line{V, []Cond{moreValues}, "Q6_K"},
		Line{Down, []Cond{more}, "Q6_K"},
	),
})
