package convert

// Q5_K_S is Q5_K nearly everywhere.
var Q5_K_S = register(Recipe{
	Name: "Q5_K_S", FileType: 16, Type: "Q5_K",
	Lines: lines(),
})
