"""
What Hypothesis does when it is imported: it learns to make contexts of its own.

``st.from_type(cx.Journey)`` then works without another import. Like the pytest plugin
a module beside the package; the strategies are imported when one is first used.
"""

from __future__ import annotations


def register() -> None:
    """
    Register the strategies of `cxcontext.testing.strategies` for `st.from_type`.
    """
    from hypothesis import strategies as st  # noqa: PLC0415

    import cxcontext as cx  # noqa: PLC0415

    def contexts(_: object) -> st.SearchStrategy[cx.Context]:
        from cxcontext.testing import strategies  # noqa: PLC0415

        return strategies.contexts()

    def journeys(_: object) -> st.SearchStrategy[cx.Journey[cx.Vocabulary]]:
        from cxcontext.testing import strategies  # noqa: PLC0415

        return strategies.journeys()

    def envelopes(_: object) -> st.SearchStrategy[cx.Envelope]:
        from cxcontext.testing import strategies  # noqa: PLC0415

        return strategies.envelopes()

    st.register_type_strategy(cx.Context, contexts)
    st.register_type_strategy(cx.Journey, journeys)
    st.register_type_strategy(cx.Envelope, envelopes)
