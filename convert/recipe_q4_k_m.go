package convert

// Q4_K_M is the usual choice: half of the values and of the down projections at 6 bits, the rest at 4.
var Q4_K_M = register(Recipe{
	Name: "Q4_K_M", Alias: "Q4_K", FileType: 15, Type: "Q4_K",
	Lines: lines(
		Line{V, []Cond{moreValues}, "Q6_K"},
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{Down, []Cond{falcon, sixteenth}, "Q6_K"},
		Line{Down, []Cond{falcon, more}, "Q5_K"},
		Line{Down, []Cond{notFalcon, more}, "Q6_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
