import cxcontext as cx
class A(cx.Vocabulary, revision=1):
    s = cx.Scope(1, readers={"sales"})
    n = cx.Field(1, str, scope=s)
def f(j: cx.Journey[A]) -> None:
    j.export_to("carrier", A.n)
