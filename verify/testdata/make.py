"""Writes the Parquet files of this folder, in the columns of the published data sets. Needs pyarrow."""
import pyarrow as pa
import pyarrow.parquet as pq

pq.write_table(pa.table({
    "id": ["1", "2"],
    "question": ["Which is wet?", "Which is hot?"],
    "choices": [{"text": ["sand", "water", "air"], "label": ["A", "B", "C"]}, {"text": ["fire", "ice"], "label": ["1", "2"]}],
    "answerKey": ["B", "1"],
}), "arc.parquet", compression="snappy")
pq.write_table(pa.table({
    "ind": [4, 5],
    "activity_label": ["Cooking", "Diving"],
    "ctx": ["She takes an egg. She", "He is at the pool. He"],
    "endings": [["flies.", "cracks it.", "is blue.", "pays."], ["jumps in.", "cracks it.", "sings a car.", "is an egg."]],
    "label": ["1", "0"],
}), "hellaswag.parquet", compression="zstd")
pq.write_table(pa.table({"number": [1, 2]}), "other.parquet")
for name, kind, options in [("mmlu", pa.int64(), {}), ("mmlu-delta", pa.int32(), {"use_dictionary": False, "column_encoding": {"answer": "DELTA_BINARY_PACKED"}}),
                            ("mmlu-plain", pa.int8(), {"use_dictionary": False})]:
    pq.write_table(pa.table({
        "question": ["Two and two?", "Which is a colour?", "Which is a fruit?"],
        "subject": ["sums", "words", "words"],
        "choices": [["one", "two", "three", "four"], ["red", "ten", "run", "on"], ["car", "pear", "sky", "sea"]],
        "answer": pa.array([3, 0, 1], kind),
    }), name + ".parquet", **options)
