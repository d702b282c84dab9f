package convert

// TQ1_0 packs five weights of three values each into a byte.
var TQ1_0 = register(Recipe{
	Name: "TQ1_0", FileType: 36, Type: "TQ1_0",
	Lines:   lines(Line{Embed, nil, "Q4_K"}),
	Warning: "TQ1_0 suits models that were trained with ternary weights; others lose nearly everything",
})
