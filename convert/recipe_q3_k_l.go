package convert

// Q3_K_L spends two bits more on values and on what writes into the residual stream.
var Q3_K_L = register(Recipe{
	Name: "Q3_K_L", FileType: 13, Type: "Q3_K",
	Lines: lines(
		Line{V, nil, "Q5_K"},
		Line{Down, []Cond{falcon}, "Q4_K"},
		Line{Down, nil, "Q5_K"},
		Line{O, []Cond{experts8}, "Q3_K"},
		Line{O, []Cond{falcon}, "Q4_K"},
		Line{O, nil, "Q5_K"},
	),
})
