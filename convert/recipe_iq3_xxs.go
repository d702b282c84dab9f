package convert

// IQ3_XXS has a codebook of 256 members for four weights; queries and keys get less.
var IQ3_XXS = register(Recipe{
	Name: "IQ3_XXS", FileType: 23, Type: "IQ3_XXS",
	Lines: []Line{
		{Output, []Cond{falcon}, "Q8_0"},
		{Output, []Cond{ragged}, "Q8_0"},
		{Output, nil, "Q5_K"},
		{Embed, nil, "IQ3_S"},
		{V, []Cond{experts8}, "Q8_0"},
		{V, []Cond{seventyGQA}, "Q5_K"},
		{V, []Cond{gqa4}, "Q4_K"},
		{V, []Cond{unweighed}, "IQ3_S"},
		{K, []Cond{experts8}, "Q8_0"},
		{K, nil, "IQ2_S"},
		{Q, nil, "IQ2_S"},
		{Down, []Cond{unweighed, eighth}, "Q4_K"},
		{Down, []Cond{unweighed}, "Q3_K"},
		{O, []Cond{experts8}, "Q5_K"},
		{O, []Cond{notFalcon}, "IQ3_S"},
	},
})
