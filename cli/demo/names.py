"""Names as people have them in the three cities of the demo."""

GIVEN = {
    "haifa": "Noa Omer Tamar Yonatan Adi Itai Maya Daniel Shira Lior Rami Layla Yael Amir נועה איתי".split(),
    "mexico-city": "Sofía Mateo Valentina Santiago Ximena Leonardo Regina Emiliano Renata Diego José".split(),
    "lagos": "Chidinma Oluwaseun Adaeze Tunde Ngozi Emeka Folake Ibrahim Amaka Babatunde Zainab Kelechi".split(),
}

FAMILY = {
    "haifa": "Levi Cohen Mizrahi Katz Haddad Friedman Azoulay Shapira Khoury Bar-On Peretz לוי".split(),
    "mexico-city": "Hernández García Martínez López González Ramírez Núñez Peña Ortiz Muñoz".split(),
    "lagos": "Okafor Adeyemi Balogun Okonkwo Eze Bello Adebayo Nwosu Ogunleye Musa".split(),
}

STREETS = {
    "haifa": ("Herzl", "HaNassi", "Masada", "Hillel"),
    "mexico-city": ("Av. Insurgentes", "Calle Durango", "Calle Orizaba", "Av. Ámsterdam"),
    "lagos": ("Allen Avenue", "Bode Thomas Street", "Awolowo Road", "Herbert Macaulay Way"),
}

DIALLING = {"haifa": "+97250", "mexico-city": "+5255", "lagos": "+23480"}
