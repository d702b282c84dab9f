package convert

// lowest are the recipes below three bits: where a little is worth most, the first down projections, the values and what writes
// into the residual stream, they take better types, named by the caller.
func lowest(embed, better string, own ...Line) []Line {
	return append([]Line{
		{Output, []Cond{falcon}, "Q8_0"},
		{Output, []Cond{ragged}, "Q8_0"},
		{Output, nil, "Q5_K"},
		{Embed, nil, embed},
		{V, []Cond{gqa4}, "Q4_K"},
		{V, []Cond{experts4}, "Q4_K"},
		{V, nil, better},
		{K, []Cond{experts8}, "Q4_K"},
		{Down, []Cond{counted8th}, better},
		{O, []Cond{experts8}, "Q5_K"},
	}, own...)
}
