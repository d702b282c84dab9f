package convert

// IQ3_XS is IQ3_S with queries, keys and the middle layers' feed-forward inputs in IQ3_XXS.
var IQ3_XS = register(Recipe{
	Name: "IQ3_XS", FileType: 22, Type: "IQ3_S",
	Lines: lines(
		Line{V, []Cond{seventyGQA}, "Q5_K"},
		Line{V, []Cond{gqa4}, "Q4_K"},
		Line{K, nil, "IQ3_XXS"},
		Line{Q, nil, "IQ3_XXS"},
		Line{Gate, []Cond{middle}, "IQ3_XXS"},
		Line{Up, []Cond{middle}, "IQ3_XXS"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
