package formats

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

// The keys of a GGUF that is split into several files.
const (
	splitNo      = "split.no"
	splitCount   = "split.count"
	splitTensors = "split.tensors.count"
)

// shardName is the name of file no (from 0) of count.
func shardName(stem string, no, count int) string {
	return fmt.Sprintf("%s-%05d-of-%05d.gguf", stem, no+1, count)
}

var shardPattern = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// joinShards opens the other files of a split GGUF and returns all as one source, without the keys of the split.
func joinShards(src *Source, first *ggufFile) (*Source, error) {
	shards := []*ggufFile{first}
	src.Close = func() error {
		var errs []error
		for _, s := range shards {
			errs = append(errs, s.file.Close())
		}
		return errors.Join(errs...)
	}
	err := func() error {
		count, err := first.checkSplit(0, 0)
		if err != nil {
			return err
		}
		m := shardPattern.FindStringSubmatch(filepath.Base(first.path))
		if count > 1 && (m == nil || m[2] != "00001" || m[3] != fmt.Sprintf("%05d", count)) {
			return &Error{File: first.path, Err: Corrupt("the first of %d files of a split GGUF must be named %s", count, shardName("NAME", 0, count))}
		}
		for no := 1; no < count; no++ {
			g, err := parseGGUF(shardName(filepath.Join(filepath.Dir(first.path), m[1]), no, count))
			if err != nil {
				return err
			}
			shards, src.Files = append(shards, g), append(src.Files, g.path)
			if _, err := g.checkSplit(no, count); err != nil {
				return err
			}
		}
		src.Tensors, err = mergeShards(shards)
		return err
	}()
	if err != nil {
		src.Close()
		return nil, err
	}
	for _, key := range []string{splitNo, splitCount, splitTensors} {
		src.Meta.Delete(key)
	}
	return src, nil
}

// checkSplit checks the keys of file no; want is the count that the first file gave, 0 for the first file itself.
func (g *ggufFile) checkSplit(no, want int) (count int, err error) {
	count, ok1 := g.meta.Int(splitCount)
	got, ok2 := g.meta.Int(splitNo)
	e := &Error{File: g.path, Tensor: splitNo}
	switch {
	case !ok1 || !ok2 || count < 1 || count > 99999:
		e.Err = Corrupt("%s %v of %s %v is not a split", splitNo, g.meta.Value(splitNo), splitCount, g.meta.Value(splitCount))
	case got != no && want == 0:
		e.Err = Corrupt("this is file %d of %d of a split GGUF", got+1, count)
		e.Hint = "name the first file, which ends in -" + fmt.Sprintf("%05d", 1) + "-of-" + fmt.Sprintf("%05d", count) + ".gguf"
	case got != no || want != 0 && count != want:
		e.Err = Corrupt("file says that it is %d of %d, its name says %d of %d", got+1, count, no+1, want)
	default:
		return count, nil
	}
	return 0, e
}

func mergeShards(shards []*ggufFile) ([]*Tensor, error) {
	var all []*Tensor
	seen := map[string]bool{}
	for _, g := range shards {
		for _, t := range g.tensors {
			if seen[t.Name] {
				return nil, &Error{File: g.path, Tensor: t.Name, Err: Corrupt("the tensor is in two files of the split")}
			}
			seen[t.Name] = true
			all = append(all, t)
		}
	}
	if want, ok := shards[0].meta.Int(splitTensors); ok && want != len(all) {
		return nil, &Error{File: shards[0].path, Tensor: splitTensors, Err: Corrupt("%d tensors announced, the files hold %d", want, len(all))}
	}
	return all, nil
}

// stem is a path without .gguf and without the number of a split.
func stem(path string) string {
	if m := shardPattern.FindStringSubmatch(path); m != nil {
		if n, _ := strconv.Atoi(m[2]); n == 1 {
			return m[1]
		}
	}
	if filepath.Ext(path) == ".gguf" {
		return path[:len(path)-len(".gguf")]
	}
	return path
}
