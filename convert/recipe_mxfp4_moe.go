package convert

// MXFP4_MOE stores the experts of a mixture in MXFP4 and everything else in Q8_0.
var MXFP4_MOE = register(Recipe{
	Name: "MXFP4_MOE", FileType: 38, Type: "MXFP4",
	Lines: unstacked("Q8_0"),
})

// unstacked gives one type to output head, embedding, and every tensor that is a single matrix.
func unstacked(typ string) []Line {
	all := []Line{{Output, nil, typ}, {Embed, nil, typ}}
	for of := V; of <= Down; of++ {
		all = append(all, Line{of, []Cond{single}, typ})
	}
	return append(all, Line{Other, []Cond{single}, typ})
}
