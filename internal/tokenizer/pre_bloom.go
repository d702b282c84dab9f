package tokenizer

// BLOOM: " ?[^(\s|.,!?…。，、।۔،)]+", a run of anything but white space and sentence punctuation.
var splitBloom = isolate(func(s string, i int) int {
	j := i
	if s[i] == ' ' {
		j++
	}
	e := j
	for e < len(s) {
		r, n := decode(s, e)
		if r >= 0 && (classOf(r)&space != 0 || bloomStops[r]) {
			break
		}
		e += n
	}
	if e == j {
		return i
	}
	return e
})

var bloomStops = map[rune]bool{}

func init() {
	for _, r := range "(|.,!?…。，、।۔،)" {
		bloomStops[r] = true
	}
}

const bloomPattern = ` ?[^(\s|[.,!?…。，、।۔،])]+`

var _ = register(pre{Names: []string{"bloom", "gpt3-finnish", "poro-chat"}, Shape: isolated(bloomPattern), Split: splitter{splitBloom}})

// Viking: each digit by itself as well.
var _ = register(pre{Names: []string{"viking"}, Shape: isolated(bloomPattern, `\p{N}`), Split: splitter{splitBloom, isolate(one(anyNum))}})
