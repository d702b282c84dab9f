package convert

// IQ3_M is IQ3_S with values, the first down projections and what writes into the residual stream in Q4_K.
var IQ3_M = register(Recipe{
	Name: "IQ3_M", FileType: 27, Type: "IQ3_S",
	Lines: lines(
		Line{V, []Cond{seventyB}, "Q5_K"},
		Line{V, nil, "Q4_K"},
		Line{Down, []Cond{eighth}, "Q4_K"},
		Line{Down, []Cond{experts8, more}, "Q4_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
		Line{O, []Cond{notFalcon}, "Q4_K"},
	),
})
