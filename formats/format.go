package formats

// A Format is one row of the table of checkpoint formats. A nil function says "cannot".
type Format struct {
	Name string
	// Sniff reports whether path looks like this format; head is the beginning of the file, nil for a folder.
	Sniff func(path string, head []byte, dir bool) bool
	// Open reads the headers of the checkpoint at path.
	Open func(path string) (*Source, error)
	// Create begins a checkpoint that will appear at path.
	Create func(path string, opt CreateOptions) (Sink, error)
}

// CreateOptions are the choices of a writer; the zero value is good.
type CreateOptions struct {
	SplitBytes   int64 // start a new shard before tensor bytes exceed this; 0 = one file
	SplitTensors int   // tensors in a shard at most; 0 = no limit
	BigEndian    bool  // GGUF only
	Force        bool  // replace an existing file
}

var table []*Format

func register(f Format) *Format {
	table = append(table, &f)
	return &f
}

// byName finds a row; what a row's own functions use, since they cannot name its variable.
func byName(name string) *Format {
	for _, f := range table {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Formats returns the table.
func Formats() []*Format { return table }
