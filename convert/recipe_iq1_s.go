package convert

// IQ1_S is the smallest file there is.
var IQ1_S = register(Recipe{
	Name: "IQ1_S", FileType: 24, Type: "IQ1_S",
	Lines: lowest("Q2_K", "Q2_K", Line{O, nil, "IQ2_XXS"}),
})
