package convert

// IQ2_XXS has a codebook of 256 members for eight weights.
var IQ2_XXS = register(Recipe{
	Name: "IQ2_XXS", FileType: 19, Type: "IQ2_XXS",
	Lines: lowest("Q2_K", "Q2_K"),
})
