package convert

// Q2_0 spends two bits on weights of four values, -1 to 2.
var Q2_0 = register(Recipe{
	Name: "Q2_0", FileType: 41, Type: "Q2_0",
	Lines:   lines(Line{Embed, nil, "Q4_K"}),
	Warning: "Q2_0 suits models that were trained with such weights; others lose nearly everything",
})
