package convert

// IQ1_M spends a fifth of a bit more than IQ1_S on finer scales.
var IQ1_M = register(Recipe{
	Name: "IQ1_M", FileType: 31, Type: "IQ1_M",
	Lines: lowest("Q2_K", "Q2_K", Line{O, nil, "IQ2_XXS"}),
})
