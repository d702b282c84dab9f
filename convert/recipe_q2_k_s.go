package convert

// Q2_K_S is the smallest file of k-quants.
var Q2_K_S = register(Recipe{
	Name: "Q2_K_S", FileType: 21, Type: "Q2_K",
	Lines: lines(
		Line{V, []Cond{seventyGQA}, "Q5_K"},
		Line{V, []Cond{gqa4}, "Q4_K"},
		Line{Down, []Cond{eighth}, "Q4_K"},
	),
	Warning: "Q2_K_S without an importance matrix loses much: llama-quantize refuses it",
})
