package convert

// F32 stores every weight in single precision.
var F32 = register(Recipe{
	Name: "F32", FileType: 0, Type: "F32",
})
