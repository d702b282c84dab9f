package parquet

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// unpackers are the ways in which pages are compressed, by their numbers. A page never becomes larger than it says.
var unpackers = map[int64]func(p []byte, size int) ([]byte, error){
	0: func(p []byte, _ int) ([]byte, error) { return p, nil },
	1: unpackSnappy,
	2: unpackGzip,
	6: unpackZstd,
}

var codecNames = map[int64]string{3: "LZO", 4: "Brotli", 5: "LZ4", 7: "LZ4"}

func unpack(codec int64, p []byte, size int) ([]byte, error) {
	f := unpackers[codec]
	if f == nil {
		return nil, unsupported("pages are compressed with %s (codec %d); none, Snappy, Gzip and Zstandard are read", codecNames[codec], codec)
	}
	raw, err := f(p, size)
	if err != nil {
		return nil, corrupt("a page: %v", err)
	}
	if len(raw) != size {
		return nil, corrupt("a page has %d bytes, its header says %d", len(raw), size)
	}
	return raw, nil
}

func unpackSnappy(p []byte, size int) ([]byte, error) {
	n, err := snappy.DecodedLen(p)
	if err != nil {
		return nil, err
	}
	if n != size || n > 64*len(p) { // a copy of 64 bytes is written in three
		return nil, corrupt("%d bytes become %d", len(p), n)
	}
	return snappy.Decode(nil, p)
}

func unpackGzip(p []byte, size int) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, int64(size)+1))
}

func unpackZstd(p []byte, size int) ([]byte, error) {
	z, err := zstd.NewReader(bytes.NewReader(p), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(pageMost))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(io.LimitReader(z, int64(size)+1))
}
