"""Talks to a running server with grpcio and nothing generated: python client.py HOST:PORT DESCRIPTORS.

The messages are made from the descriptor set that the server offers by reflection too.
"""

import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def main(address, descriptors):
    files = descriptor_pb2.FileDescriptorSet()
    with open(descriptors, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)

    def message(name):
        return message_factory.GetMessageClass(pool.FindMessageTypeByName("serendib.v1." + name))

    with grpc.insecure_channel(address) as channel:

        def call(service, method, request):
            stub = channel.unary_unary(
                f"/serendib.v1.{service}/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=message(method + "Response").FromString,
            )
            return stub(request, timeout=20)

        touchpoint = message("Touchpoint")(
            customer_id="dvora", kind="purchase", product_id="garden-2", touchpoint_id="py-1"
        )
        touchpoint.attributes.update({"colour": "ירוק", "sizes": [1, 2.5]})
        recorded = call("TouchpointService", "Record", message("RecordRequest")(touchpoints=[touchpoint]))
        assert recorded.stored == 1, recorded

        request = message("RecommendRequest")(customer_id="dvora")
        request.lists.add(count=3)
        request.context.locale = "he"
        answer = call("RecommendationService", "Recommend", request)
        items = answer.lists[0].items
        assert answer.model_id == "first" and answer.personal, answer
        assert [item.product_id.split("-")[0] for item in items] == ["garden"] * 3, answer
        assert all("קנית" in item.reasons[0].sentence for item in items), answer

        try:
            request.lists[0].count = 0
            call("RecommendationService", "Recommend", request)
            raise AssertionError("a list of 0 was not refused")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            assert error.details().startswith("lists[0].count: "), error

        health = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert health(b"", timeout=20) == b"\x08\x01", "the server is not SERVING"

        listing = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
        # ServerReflectionRequest { list_services: "*" }
        services = next(listing(iter([b"\x3a\x01*"]), timeout=20))
        for service in ("RecommendationService", "TouchpointService", "CatalogService", "CustomerService", "ModelService"):
            assert f"serendib.v1.{service}".encode() in services, service
    print("all good")


main(*sys.argv[1:])
