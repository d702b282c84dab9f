package convert

// IQ4_NL has 16 levels that lie closer near zero, in blocks of 32, and so fits rows that others do not.
var IQ4_NL = register(Recipe{
	Name: "IQ4_NL", FileType: 25, Type: "IQ4_NL",
	Lines: lines(
		Line{V, []Cond{gqa4}, "Q5_K"},
		Line{Down, []Cond{unweighed, eighth}, "Q5_K"},
		Line{O, []Cond{experts8}, "Q5_K"},
	),
})
