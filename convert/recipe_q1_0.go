package convert

// Q1_0 keeps a sign for each weight.
var Q1_0 = register(Recipe{
	Name: "Q1_0", FileType: 40, Type: "Q1_0",
	Lines:   lines(),
	Warning: "Q1_0 suits models that were trained with binary weights; others lose nearly everything",
})
