package convert

// Q6_K is Q6_K nearly everywhere.
var Q6_K = register(Recipe{
	Name: "Q6_K", FileType: 18, Type: "Q6_K",
	Lines: lines(),
})
