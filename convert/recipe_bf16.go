package convert

// BF16 stores matrices as bfloat16, as most models are trained.
var BF16 = register(Recipe{
	Name: "BF16", FileType: 32, Type: "BF16",
})
