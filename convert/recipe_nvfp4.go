package convert

// NVFP4 has no mix of llama-quantize's; embedding and output head keep six bits, where checkpoints in this type keep sixteen.
var NVFP4 = register(Recipe{
	Name: "NVFP4", FileType: 39, Type: "NVFP4",
	Lines: lines(Line{Embed, nil, "Q6_K"}),
})
