package convert

// Q2_K keeps what writes into the residual stream, and the values, at 3 bits or more.
var Q2_K = register(Recipe{
	Name: "Q2_K", FileType: 10, Type: "Q2_K",
	Lines: lines(
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{V, []Cond{gqa4}, "Q4_K"},
		Line{V, nil, "Q3_K"},
		Line{Down, nil, "Q3_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
		Line{O, nil, "Q3_K"},
	),
})
