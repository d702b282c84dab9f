package convert

// TQ2_0 spends two bits on weights of three values.
var TQ2_0 = register(Recipe{
	Name: "TQ2_0", FileType: 37, Type: "TQ2_0",
	Lines:   lines(Line{Embed, nil, "Q4_K"}),
	Warning: "TQ2_0 suits models that were trained with ternary weights; others lose nearly everything",
})
