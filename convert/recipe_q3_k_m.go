package convert

// Q3_K_M spends one bit more on values and on what writes into the residual stream.
var Q3_K_M = register(Recipe{
	Name: "Q3_K_M", Alias: "Q3_K", FileType: 12, Type: "Q3_K",
	Lines: lines(
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{V, []Cond{firstTwo}, "Q5_K"},
		Line{V, nil, "Q4_K"},
		Line{Down, []Cond{sixteenth}, "Q5_K"},
		Line{Down, []Cond{notFalcon}, "Q4_K"},
		Line{Down, []Cond{more}, "Q4_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
		Line{O, nil, "Q4_K"},
	),
})
