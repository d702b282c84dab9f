package convert

// IQ2_M is made of the storage type IQ2_S, with the tensors that matter most in IQ3_S.
var IQ2_M = register(Recipe{
	Name: "IQ2_M", FileType: 29, Type: "IQ2_S",
	Lines: lowest("IQ3_S", "IQ3_S", Line{O, nil, "IQ3_S"}),
})
