package convert

// IQ2_S is IQ2_XS with the tensors that matter most in IQ3_S; the storage type of that name is in IQ2_M.
var IQ2_S = register(Recipe{
	Name: "IQ2_S", FileType: 28, Type: "IQ2_XS",
	Lines: lowest("IQ3_S", "IQ3_S", Line{O, nil, "IQ3_S"}),
})
