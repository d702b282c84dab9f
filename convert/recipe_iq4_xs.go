package convert

// IQ4_XS has the levels of IQ4_NL in blocks of 256.
var IQ4_XS = register(Recipe{
	Name: "IQ4_XS", FileType: 30, Type: "IQ4_XS",
	Lines: lines(
		Line{V, []Cond{gqa4}, "Q5_K"},
		Line{Down, []Cond{unweighed, eighth}, "Q5_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
