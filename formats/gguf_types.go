package formats

// The numbers of ggml_type that quern does not read, and what they are called, so that a refusal can say what to do.
var (
	removedTypes = map[uint32]string{4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
		36: "IQ4_NL_4_4, or I2_S of bitnet.cpp", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8"}
	activationTypes = map[uint32]string{9: "Q8_1", 15: "Q8_K", 97: "Q8_0_X4", 98: "Q8_1_X4", 99: "Q8_2_X4", 136: "Q8_K64",
		147: "Q8_K16", 148: "Q8_K32", 149: "Q8_KR8", 150: "Q8_K128"}
	repackedTypes = map[uint32]string{202: "Q4_0_R8", 206: "Q5_0_R4", 208: "Q8_0_R8", 210: "Q2_K_R4", 211: "Q3_K_R4", 212: "Q4_K_R4",
		213: "Q5_K_R4", 214: "Q6_K_R4", 216: "IQ2_XXS_R4", 217: "IQ2_XS_R4", 218: "IQ3_XXS_R4", 219: "IQ1_S_R4", 220: "IQ4_NL_R4",
		221: "IQ3_S_R4", 222: "IQ2_S_R4", 223: "IQ4_XS_R8", 229: "IQ1_M_R4", 230: "BF16_R16", 233: "Q6_0_R4", 335: "IQ2_BN_R4",
		337: "IQ2_K_R4", 338: "IQ3_K_R4", 339: "IQ4_K_R4", 340: "IQ5_K_R4", 344: "IQ4_KS_R4", 352: "IQ5_KS_R4", 353: "MXFP4_R8",
		397: "Q8_K_R16", 398: "Q8_KV_R8", 399: "Q8_K_R8"}
	foreignTypes = map[uint32]string{134: "IQ1_BN", 135: "IQ2_BN", 142: "IQ2_TN", 143: "IQ1_TN", 151: "Q8_KV", 153: "IQ2_KT", 154: "IQ3_KT",
		155: "IQ4_KT", 158: "IQ1_KT"}
)

// unknownType says what is known about a number that is no type of quern's.
func unknownType(id uint32) error {
	if name := removedTypes[id]; name != "" {
		return &Error{Err: Unsupported("ggml type %d (%s) was removed from ggml", id, name), Hint: "quantize the original checkpoint again"}
	}
	if name := activationTypes[id]; name != "" {
		return &Error{Err: Unsupported("ggml type %d (%s) is for activations, not for files", id, name),
			Hint: "quantize the original checkpoint again, to a type of weights"}
	}
	if name := repackedTypes[id]; name != "" {
		return &Error{Err: Unsupported("ggml type %d (%s) has rows that ik_llama.cpp repacked", id, name),
			Hint: "use the file from before it was repacked: ik_llama.cpp repacks when it loads, with -rtr"}
	}
	if name := foreignTypes[id]; name != "" {
		return &Error{Err: Unsupported("ggml type %d (%s) is one of ik_llama.cpp's own that quern does not read", id, name),
			Hint: "use a file in one of llama.cpp's types, or in one of ik_llama.cpp's that end in _K, _KS, _KSS or _KL"}
	}
	return Unsupported("ggml type %d is not one that quern reads", id)
}
