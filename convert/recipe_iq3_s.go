package convert

// IQ3_S has a codebook of 512 members for four weights.
var IQ3_S = register(Recipe{
	Name: "IQ3_S", FileType: 26, Type: "IQ3_S",
	Lines: lines(
		Line{V, []Cond{seventyGQA}, "Q5_K"},
		Line{V, []Cond{gqa4}, "Q4_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
