"""A storefront: records a view and a purchase, asks for the lists of a page, prints titles and reasons.

python examples/python/storefront.py 127.0.0.1:7700 c000001 p00001

Needs grpcio and protobuf (tests/python/requirements.txt).
"""

import sys

from serendib_client import Serendib

PAGE = {
    "For you": "LIST_KIND_FOR_YOU",
    "Goes with it": "LIST_KIND_GOES_WITH",
    "Buy again": "LIST_KIND_BUY_AGAIN",
    "Stumble on": "LIST_KIND_SURPRISE",
}


def main(address, customer, product):
    with Serendib(address) as shop:
        touch = {"customer_id": customer, "product_id": product, "channel": "web"}
        bought = {
            "kind": "purchase",
            "basket_id": f"{customer}-{product}",
            # The recorder's own id: a request that is sent again after a lost answer counts once.
            "touchpoint_id": f"{customer}-{product}-bought",
        }
        touchpoints = [touch | {"kind": "view", "duration_s": 40}, touch | bought]
        recorded = shop.call("TouchpointService", "Record", {"touchpoints": touchpoints})
        print(recorded.stored, "touchpoints recorded")

        # All lists of the page at once: nothing appears in two of them.
        page = shop.call(
            "RecommendationService",
            "Recommend",
            {
                "customer_id": customer,
                "lists": [{"kind": kind, "count": 3} for kind in PAGE.values()],
                "context": {"viewed_product_id": product, "placement": "product.below"},
            },
        )
        for title, shown in zip(PAGE, page.lists):
            print(f"\n{title}")
            for item in shown.items:
                print(f"  {item.title}: {item.reasons[0].sentence if item.reasons else ''}")
            for note in shown.notes:  # a short or empty list says why
                print(f"  ({note.text})")

        # What was shown is recorded too: products that are shown in vain sink.
        impressions = [
            {"customer_id": customer, "kind": "impression", "product_id": item.product_id, "served_id": item.served_id}
            for shown in page.lists
            for item in shown.items
        ]
        recorded = shop.call("TouchpointService", "Record", {"touchpoints": impressions})
        print(f"\n{recorded.stored} impressions recorded")


main(*sys.argv[1:])
