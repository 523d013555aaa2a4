"""The laboratory: a small internet in network namespaces, with real phones.

Typical use in a system test:

    with Lab(homes=[Home('A')], office_forward=['udp/5070']) as lab:
        ...
"""
