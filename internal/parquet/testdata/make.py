"""Writes the files of this folder with pyarrow: the same ten rows in every way that pyarrow stores text."""
import pyarrow as pa
import pyarrow.parquet as pq

words = ["once", "upon", None, "a time", "", "once", "größe 大小", "once", "x" * 300, "upon"]
chats = [
    [{"role": "user", "content": f"question {i}"}, {"role": "assistant", "content": None if i == 4 else f"answer {i}"}][: (i % 3)]
    if i != 7 else None
    for i in range(10)
]
table = pa.table({
    "id": pa.array(range(10)),
    "text": pa.array(words),
    "messages": pa.array(chats, pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
})
ways = {
    "snappy": dict(compression="snappy"),
    "zstd-v2": dict(compression="zstd", data_page_version="2.0"),
    "gzip-plain": dict(compression="gzip", use_dictionary=False),
    "none-small-pages": dict(compression="none", data_page_size=16, write_batch_size=2, row_group_size=4),
    "delta-length": dict(compression="snappy", use_dictionary=False, column_encoding={
        "id": "PLAIN", "text": "DELTA_LENGTH_BYTE_ARRAY", "messages.list.element.role": "DELTA_BYTE_ARRAY",
        "messages.list.element.content": "DELTA_BYTE_ARRAY"}),
    "delta-v2": dict(compression="zstd", use_dictionary=False, data_page_version="2.0", column_encoding={
        "id": "PLAIN", "text": "DELTA_BYTE_ARRAY", "messages.list.element.role": "DELTA_LENGTH_BYTE_ARRAY",
        "messages.list.element.content": "DELTA_LENGTH_BYTE_ARRAY"}),
    "brotli": dict(compression="brotli"),
}
for name, way in ways.items():
    pq.write_table(table, name + ".parquet", **way)
