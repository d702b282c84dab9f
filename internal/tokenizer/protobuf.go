package tokenizer

import "encoding/binary"

// fields calls each for every field of a protobuf message: num its number, v its value when it is a number, data when it
// is a string or a message. Fixed-width fields come as numbers.
func fields(msg []byte, each func(num int, v uint64, data []byte) error) error {
	for len(msg) > 0 {
		tag, n := binary.Uvarint(msg)
		if n <= 0 {
			return corrupt("a protobuf tag is cut off")
		}
		msg = msg[n:]
		num := tag >> 3
		if num == 0 || num > 1<<29 {
			return corrupt("a protobuf field has the number %d", num)
		}
		var v uint64
		var data []byte
		switch kind := tag & 7; kind {
		case 0:
			v, n = binary.Uvarint(msg)
			if n <= 0 {
				return corrupt("the number in protobuf field %d is cut off", num)
			}
			msg = msg[n:]
		case 1:
			if len(msg) < 8 {
				return corrupt("protobuf field %d is cut off", num)
			}
			v, msg = binary.LittleEndian.Uint64(msg), msg[8:]
		case 2:
			size, n := binary.Uvarint(msg)
			if n <= 0 || size > uint64(len(msg)-n) {
				return corrupt("protobuf field %d is longer than the file", num)
			}
			data, msg = msg[n:n+int(size)], msg[n+int(size):]
		case 5:
			if len(msg) < 4 {
				return corrupt("protobuf field %d is cut off", num)
			}
			v, msg = uint64(binary.LittleEndian.Uint32(msg)), msg[4:]
		default:
			return corrupt("protobuf field %d is of the unknown kind %d", num, kind)
		}
		if err := each(int(num), v, data); err != nil {
			return err
		}
	}
	return nil
}
