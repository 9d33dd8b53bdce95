"""The judge can fail: a row that differs in one digit, that is missing, that is there twice."""
import unittest

from rows import differences

RIGHT = {"account": [["0xa", "100000000000000000000000001"], ["0xb", "2"]], "hour": [["1", "2"]]}


class Differences(unittest.TestCase):
    def found(self, other):
        return differences({"one": RIGHT, "two": RIGHT | other})

    def test_the_same_rows_in_another_order_are_equal(self):
        self.assertEqual(self.found({"account": RIGHT["account"][::-1]}), [])

    def test_the_last_digit_counts(self):
        self.assertEqual(self.found({"account": [["0xa", "100000000000000000000000002"], ["0xb", "2"]]}),
                         ["account: only one has 0xa|100000000000000000000000001",
                          "account: only two has 0xa|100000000000000000000000002"])

    def test_a_missing_row_and_a_row_too_many_are_found(self):
        self.assertEqual(self.found({"hour": []}), ["hour: only one has 1|2"])
        self.assertEqual(self.found({"hour": [["1", "2"], ["1", "2"]]}), ["hour: only two has 1|2"])

    def test_an_entity_that_one_lacks_is_found(self):
        self.assertEqual(differences({"one": RIGHT, "two": {"account": RIGHT["account"]}}), ["hour: only one has 1|2"])


if __name__ == "__main__":
    unittest.main()
