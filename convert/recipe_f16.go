package convert

// F16 stores matrices in half precision; weights beyond 65504 do not fit.
var F16 = register(Recipe{
	Name: "F16", FileType: 1, Type: "F16",
})
