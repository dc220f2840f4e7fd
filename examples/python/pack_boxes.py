"""A box packer: packs a box for each customer from the storefront's stock, prints the lines with their reasons.

python examples/python/pack_boxes.py 127.0.0.1:7700 PACK CUSTOMER …

PACK names the pack: run again with the same name, the boxes that were kept are printed again. Needs grpcio and protobuf
(tests/python/requirements.txt).
"""

import sys

from serendib_client import Serendib


def main(address, pack, *customers):
    with Serendib(address) as shop:
        request = {
            "pack_id": pack,
            "boxes": [{"box_id": f"{pack}-{customer}", "customer_id": customer} for customer in customers],
            "rules": {"slots": 4, "surprise_slots": 1, "leaf_cap": 2},
        }
        for piece in shop.stream("BoxService", "PackBoxes", request):
            which = piece.WhichOneof("piece")
            if which == "box":
                print_box(piece.box)
            elif which == "summary":
                total = piece.summary
                print(f"{total.boxes} boxes, {total.empty_slots} empty slots, {100 * total.gap:.1f} % from the bound")


def print_box(box):
    print(f"box {box.box_id} of {box.customer_id}")
    for line in box.lines:
        mark = "?" if line.surprise else "·"
        print(f"  {mark} {line.title}: {line.reasons[0].sentence if line.reasons else ''}")
        if line.stand_ins:
            print("      else", " or ".join(other.title for other in line.stand_ins))
    if box.HasField("shortfall"):
        print(f"  short of {box.shortfall.regular + box.shortfall.surprise} lines: {box.shortfall.fault}")
    if box.hand_over:
        print("  a person should look at it before it leaves")
    if box.surprises_paused:
        print(f"  no surprise: {box.surprises_paused}")


main(*sys.argv[1:])
