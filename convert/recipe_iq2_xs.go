package convert

// IQ2_XS has a codebook of 512 members for eight weights.
var IQ2_XS = register(Recipe{
	Name: "IQ2_XS", FileType: 20, Type: "IQ2_XS",
	Lines: lowest("Q2_K", "Q2_K"),
})
