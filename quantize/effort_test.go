package quantize

import "testing"

// More effort never loses more, and gains what was measured when it was written: the weighted squared error that efforts 2 and 3
// leave, as a part of the default's, on normally distributed weights without importance and with it.
func TestEffort(t *testing.T) {
	const n = 1 << 14
	x, importance := normal(n), lognormal(n)
	for q, want := range map[*Type][4]float64{
		Q2_K: {0.9966, 0.9941, 0.9868, 0.9794},
		Q3_K: {0.9976, 0.9976, 0.9998, 0.9998},
		Q4_0: {0.9966, 0.9966, 0.9978, 0.9978},
		Q4_1: {0.9854, 0.984, 0.993, 0.9875},
		Q4_K: {0.9956, 0.9923, 0.9886, 0.9851},
		Q5_0: {0.9926, 0.99, 0.998, 0.9978},
		Q5_1: {0.9746, 0.9726, 0.991, 0.9822},
		Q5_K: {0.9911, 0.9818, 0.9808, 0.9685},
		Q6_K: {0.9867, 0.9844, 0.969, 0.967},
	} {
		for i, imp := range [][]float32{nil, importance} {
			var had float64
			for effort := EffortDefault; effort <= EffortMost; effort++ {
				size, _ := q.Size(n)
				code := make([]byte, size)
				if err := Rows(code, q, x, n, imp, effort); err != nil {
					t.Fatal(err)
				}
				now := blockLoss(q, x, imp, code)
				if effort == EffortDefault {
					had = now
					continue
				}
				t.Logf("%s, importance %v, effort %d: %.4f of the default's error", q.Name, imp != nil, effort, now/had)
				if limit := want[2*i+effort-2]; now > limit*had {
					t.Errorf("%s, importance %v, effort %d: %.4f of the default's error, want %.4f", q.Name, imp != nil, effort, now/had, limit)
				}
			}
		}
	}
}

func TestEncoderOfEffort(t *testing.T) {
	if Q1_0.Encoder(3) == nil || Q4_K.Encoder(-1) == nil || Q4_K.Encoder(9) == nil || (&Type{}).Encoder(0) != nil {
		t.Error("an effort has the wrong encoder")
	}
}
